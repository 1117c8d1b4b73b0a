import type { Realtime } from "tidings";

export async function announce(realtime: Realtime, channels: string[], event: string, data: unknown) {
  await Promise.all(channels.map((channel) => realtime.channel(channel).emit(event, data)));
}
