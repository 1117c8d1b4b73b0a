"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { useRealtime } from "@/lib/realtime-client";
import { send } from "./actions";

type Message = { id: string; name: string; text: string };

export function Chat({ messages: first, after }: { messages: Message[]; after: string }) {
  const router = useRouter();
  const [messages, setMessages] = useState(first);
  const [name, setName] = useState("Ada");
  const [problem, setProblem] = useState<string>();
  const { status } = useRealtime({
    channels: ["room:lobby"],
    after, // the server rendered what came before
    onData: ({ id, data }) => setMessages((all) => [...all, { id, ...data }]),
    onGap: () => router.refresh(), // messages may be missing: render the page anew
  });

  return (
    <main>
      <header>
        <h1>Lobby</h1>
        <p role="status">{status}</p>
      </header>
      <section>
        <ol>
          {messages.map(({ id, name, text }) => (
            <li key={id}>
              <b>{name}</b> {text}
            </li>
          ))}
        </ol>
      </section>
      {problem !== undefined && <p role="alert">{problem}</p>}
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const problem = await send(new FormData(form));
          setProblem(problem);
          if (problem === undefined) form.reset(); // else the text stays
        }}
      >
        <input name="name" aria-label="Name" value={name} onChange={(event) => setName(event.target.value)} required />
        <input name="text" aria-label="Message" placeholder="Say something" autoComplete="off" required />
        <button>Send</button>
      </form>
    </main>
  );
}
