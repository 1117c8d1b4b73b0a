interface PageProps {
  readonly messages: readonly { id: string; name: string; text: string }[];
  /** Where the messages end: from here the browser goes on. */
  readonly after: string;
}

export function Page({ messages, after }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Lobby</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
        <script type="module" src="/browser.js" />
      </head>
      <body data-after={after}>
        <p id="notification" aria-live="assertive" hidden />
        <main>
          <header>
            <h1>Lobby</h1>
            <p role="status">connecting</p>
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
          <p role="alert" hidden />
          <form>
            <input name="name" aria-label="Name" value="Ada" required />
            <input name="text" aria-label="Message" placeholder="Say something" autocomplete="off" required />
            <button>Send</button>
          </form>
        </main>
      </body>
    </html>
  );
}
