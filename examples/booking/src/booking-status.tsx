import { useEffect, useState } from "react";
import type { Booking, Status } from "../server/bookings.ts";
import { useEventStream } from "./events.ts";
import { loadStatus } from "./load.ts";

export function BookingStatus({ user, booking }: { user: string; booking: Booking }) {
  const [status, setStatus] = useState<Status>(booking.status);
  const { isConnected } = useEventStream({
    userId: user,
    channels: [`booking:${booking.id}`],
    onEvent: (event) => {
      if (event.bookingId === booking.id) setStatus(event.status);
    },
    onGap: () => void loadStatus(booking.id).then(setStatus), // events may be missing
  });
  // What happened before the stream was there.
  useEffect(() => {
    if (isConnected) void loadStatus(booking.id).then(setStatus);
  }, [isConnected, booking.id]);

  async function decide(next: Status) {
    await fetch(`/api/bookings/${booking.id}/status`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ status: next }),
    });
  }

  return (
    <article className="card" aria-label={booking.place}>
      <div className="place">
        <h2>{booking.place}</h2>
        <p>
          {booking.dates} · <span className="price">{booking.price}</span>
        </p>
      </div>
      <p className="live">
        <span className={isConnected ? "dot green" : "dot red"} />
        {isConnected ? "Live" : "Connecting..."}
      </p>
      <p className={`status ${status}`}>Status: {status}</p>
      {user === "host" && (
        <div className="actions">
          <button onClick={() => decide("confirmed")} disabled={status === "confirmed"}>
            Confirm
          </button>
          <button className="quiet" onClick={() => decide("declined")} disabled={status === "declined"}>
            Decline
          </button>
        </div>
      )}
    </article>
  );
}
