"use client";

import { createRealtime } from "tidings/client";
import type { realtime } from "./realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
