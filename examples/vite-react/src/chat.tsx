import { useState } from "react";
import { API } from "./api.ts";
import { useRealtime } from "./realtime-client.ts";

type Message = { id: string; name: string; text: string };

/** Returns what is wrong with the message; `undefined` when it was sent. */
async function send(form: FormData) {
  const response = await fetch(`${API}/api/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(Object.fromEntries(form)),
  });
  return response.ok ? undefined : (await response.text()) || "The message was not sent.";
}

export function Chat() {
  const [messages, setMessages] = useState<Message[]>([]);
  const [name, setName] = useState("Ada");
  const [problem, setProblem] = useState<string>();
  const { status } = useRealtime({
    channels: ["room:lobby"],
    history: { limit: 50 }, // the newest 50 first
    onData: ({ id, data }) => setMessages((all) => [...all, { id, ...data }]),
    onGap: () => location.reload(), // messages may be missing: show the current ones
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
