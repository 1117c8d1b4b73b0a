export type Status = "pending" | "confirmed" | "declined";

export interface Booking {
  id: string;
  place: string;
  dates: string;
  price: string;
  guestId: string;
  hostId: string;
  status: Status;
}

const people = { guestId: "guest", hostId: "host", status: "pending" } as const;

/** Your database. */
export const bookings = new Map<string, Booking>(
  [
    { id: "b-101", place: "Loft above the harbour", dates: "3 – 7 May", price: "€ 480", ...people },
    { id: "b-102", place: "Cabin by the lake", dates: "12 – 14 June", price: "€ 260", ...people },
  ].map((booking) => [booking.id, booking]),
);
