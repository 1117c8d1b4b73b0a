export const PAGE_SIZE = 8;
/** Rows that are answered at most, whoever asks for more. */
export const MOST_ROWS = 20;
