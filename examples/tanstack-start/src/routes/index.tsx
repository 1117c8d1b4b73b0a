import { createFileRoute, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { firstMessages, send } from "../lib/messages";
import { useRealtime } from "../lib/realtime-client";

export const Route = createFileRoute("/")({
  loader: () => firstMessages(),
  component: Page,
});

type Message = { id: string; name: string; text: string };

function Page() {
  const { messages, after } = Route.useLoaderData();
  return <Chat key={after} messages={messages} after={after} />;
}

function Chat({ messages: first, after }: { messages: Message[]; after: string }) {
  const router = useRouter();
  const [messages, setMessages] = useState(first);
  const [name, setName] = useState("Ada");
  const [problem, setProblem] = useState<string>();
  const { status } = useRealtime({
    channels: ["room:lobby"],
    after, // the server rendered what came before
    onData: ({ id, data }) => setMessages((all) => [...all, { id, ...data }]),
    onGap: () => router.invalidate(), // messages may be missing: load the page anew
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
          const text = new FormData(form).get("text") as string;
          const problem = await send({ data: { name, text } });
          setProblem(problem);
          if (problem === undefined) form.reset(); // else the text stays
        }}
      >
        <input aria-label="Name" value={name} onChange={(event) => setName(event.target.value)} required />
        <input name="text" aria-label="Message" placeholder="Say something" autoComplete="off" required />
        <button>Send</button>
      </form>
    </main>
  );
}
