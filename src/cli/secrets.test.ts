import { expect, it } from "vitest";
import { secretsOf, withoutSecretsIn } from "./secrets.ts";

it("hides what was sent along: whole, each cookie, each credential, and as it stands in an address", () => {
  const basic = Buffer.from("ada:open sesame").toString("base64");
  const secrets = [
    ...secretsOf({ cookie: "theme=dark; session=s%3Atoken-1", authorization: `Basic ${basic}`, "x-key": "key/7" }),
    ...secretsOf({ authorization: "Bearer abc.def" }),
  ];
  const said = `dark ${basic} "open sesame" open%20sesame s%3Atoken-1 s:token-1 key%2F7 abc.def`;
  expect(withoutSecretsIn(said, secrets)).toBe(`*** *** "***" *** *** *** *** ***`);
  expect(withoutSecretsIn("a b", secretsOf({ cookie: "x=a; y=" }))).toBe("a b");
});
