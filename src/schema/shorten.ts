/** `text`, cut to `length` UTF-16 units with a mark where something is missing: error texts quote what others wrote. */
export function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
