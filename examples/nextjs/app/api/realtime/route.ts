import { handle } from "tidings";
import { realtime } from "@/lib/realtime";

export const GET = handle({ realtime });
