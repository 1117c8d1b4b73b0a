import { createFileRoute } from "@tanstack/react-router";
import { handle } from "tidings";
import { realtime } from "../../lib/realtime";

export const Route = createFileRoute("/api/realtime")({
  server: {
    handlers: {
      GET: ({ request }) => handle({ realtime })(request),
    },
  },
});
