/**
 * What a server of the tests needs to speak TLS: a certificate for 127.0.0.1, signed by itself, that lasts for a hundred years. No browser
 * trusts it unless it is told to trust everybody. Nothing is secret about its key.
 */
export const SELF_SIGNED: { readonly key: string; readonly cert: string } = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggVKbh9m8P1F6kN3e
s0oO50rsQxCDsMGFR6oOoC8JLw6hRANCAAQWReZyzUszoYLqi+enFkGAzoGGUOps
sSpkRQsOgUYWDqHD3T0KBcgyDN8vW9O6ODXmS1vdKhYr5iQ6MsE8l6+r
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUaIsmnOVvCwO/7G1xGv+HmS0FbG4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMjAzMDMwN1oYDzIxMjYxMDI5
MDMwMzA3WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQWReZyzUszoYLqi+enFkGAzoGGUOpssSpkRQsOgUYWDqHD3T0KBcgy
DN8vW9O6ODXmS1vdKhYr5iQ6MsE8l6+ro2QwYjAdBgNVHQ4EFgQUTsxTqjEqZ9A5
qzqbLaZH8ONWXF4wHwYDVR0jBBgwFoAUTsxTqjEqZ9A5qzqbLaZH8ONWXF4wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IHie64eMOa7qNY7vJtD832igtbVegAbZm8bj9WwwPz4qAiANZsGoKKP733MYGtPh
SDc8R9IWaZZOO+jXBCP45/GFBQ==
-----END CERTIFICATE-----
`,
};
