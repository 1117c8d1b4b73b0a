import { handle } from "tidings";
import { realtime } from "$lib/server/realtime";

const stream = handle({ realtime });

export const GET = ({ request }) => stream(request);
