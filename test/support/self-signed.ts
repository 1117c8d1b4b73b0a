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
MIIBfzCCASWgAwIBAgIUIwgC2m+C3uxACOSdqR3mno9x1yMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTIzMDEwOVoYDzIxMjYxMDI4
MjMwMTA5WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQWReZyzUszoYLqi+enFkGAzoGGUOpssSpkRQsOgUYWDqHD3T0KBcgy
DN8vW9O6ODXmS1vdKhYr5iQ6MsE8l6+ro1MwUTAdBgNVHQ4EFgQUTsxTqjEqZ9A5
qzqbLaZH8ONWXF4wHwYDVR0jBBgwFoAUTsxTqjEqZ9A5qzqbLaZH8ONWXF4wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBNXqFRjpiHJ8PzLNtQD7V7
lC8cdyW6Cf7+x53/dwgu+gIhANMYY85obNLE3WK/eVNFHcY07EHYw3CgFn4B1Dj8
2wLV
-----END CERTIFICATE-----
`,
};
