/**
 * A stream of frames with each frame said anew, and everything else of the response as it was. What is no stream stays what it is.
 *
 * @param say takes one frame after another, without the empty line at its end, and returns whole frames or `""`
 */
export function framewise(response: Response, say: (frame: string) => string): Response {
  if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  /** A frame of which the end has not come yet. */
  let rest = "";
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        const frames = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
        rest = frames.pop() as string;
        const text = frames.map(say).join("");
        if (text) controller.enqueue(encoder.encode(text));
      },
    }),
  );
  return new Response(body, { status: response.status, headers: response.headers });
}
