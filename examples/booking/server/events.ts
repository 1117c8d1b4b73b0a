import { createEvents } from "tidings/events";
import { bookings, type Status } from "./bookings.ts";
import { userOf } from "./sessions.ts";

export const events = createEvents<{
  booking_update: { bookingId: string; status: Status; timestamp: string };
}>({
  // In this process's memory, until there is a Redis: npm i ioredis, and set REDIS_URL.
  redis: process.env.REDIS_URL,
  // Whose events a request may read: the session says it, never the address.
  identify: async (request) => ({ userId: await userOf(request) }),
  // Who may read a channel: of a booking, its guest and its host.
  authorize: (user, channel) => {
    const booking = bookings.get(channel.replace("booking:", ""));
    return booking !== undefined && [booking.guestId, booking.hostId].includes(user);
  },
});

export async function notifyBookingUpdate(bookingId: string, guestId: string, hostId: string, status: Status) {
  const event = { type: "booking_update", bookingId, status, timestamp: new Date().toISOString() } as const;
  // One object: whoever gets it by two of the three is shown it once.
  await Promise.all([
    events.publishToUser(guestId, event),
    events.publishToUser(hostId, event),
    events.publishToChannel(`booking:${bookingId}`, event),
  ]);
}
