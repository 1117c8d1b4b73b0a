import type { Booking, Status } from "../server/bookings.ts";

export async function loadBookings(): Promise<Booking[]> {
  return (await fetch("/api/bookings")).json();
}

export async function loadStatus(bookingId: string): Promise<Status> {
  const booking = (await loadBookings()).find(({ id }) => id === bookingId);
  if (!booking) throw new Error("The booking is gone.");
  return booking.status;
}
