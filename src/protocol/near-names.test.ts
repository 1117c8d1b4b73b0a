import { expect, it } from "vitest";
import { nearNames } from "./near-names.ts";

const names = ["chat.messages", "chat.message", "chat.typing", "order.placed"];

it("finds the nearest names first", () => {
  expect(nearNames("chat.mesage", names)).toEqual(["chat.message", "chat.messages"]);
  expect(nearNames("Chat.Typing", names)).toEqual(["chat.typing"]);
});

it("finds nothing for a name that resembles none", () => {
  expect(nearNames("billing", names)).toEqual([]);
  expect(nearNames("x".repeat(100_000), names)).toEqual([]);
});
