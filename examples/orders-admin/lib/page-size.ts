export const PAGE_SIZE = 8;
