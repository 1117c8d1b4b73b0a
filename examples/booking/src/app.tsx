import { useEffect, useState } from "react";
import type { Booking } from "../server/bookings.ts";
import { BookingStatus } from "./booking-status.tsx";
import { loadBookings } from "./load.ts";

export function App() {
  const [user, setUser] = useState<string | null>();
  const [bookings, setBookings] = useState<Booking[]>([]);
  useEffect(() => {
    void fetch("/api/session")
      .then((response) => response.json())
      .then((session: { user: string | null }) => setUser(session.user));
  }, []);
  useEffect(() => {
    if (user) void loadBookings().then(setBookings);
  }, [user]);

  async function signIn(name: string) {
    await fetch("/api/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: name }),
    });
    setUser(name);
  }

  return (
    <main>
      <header>
        <h1>{user === "host" ? "Requests for your places" : "Your trips"}</h1>
        {user && <span className="who">signed in as {user}</span>}
      </header>
      {user === null && (
        <section className="card welcome">
          <p>Open this page twice, in two browsers or in a private window: once as the guest, once as the host.</p>
          <button onClick={() => signIn("guest")}>I am the guest</button>
          <button onClick={() => signIn("host")}>I am the host</button>
        </section>
      )}
      {user && bookings.map((booking) => <BookingStatus key={booking.id} user={user} booking={booking} />)}
    </main>
  );
}
