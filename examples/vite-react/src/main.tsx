import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RealtimeProvider } from "tidings/client";
import { API } from "./api.ts";
import { Chat } from "./chat.tsx";
import "./style.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <RealtimeProvider api={{ url: `${API}/api/realtime` }}>
      <Chat />
    </RealtimeProvider>
  </StrictMode>,
);
