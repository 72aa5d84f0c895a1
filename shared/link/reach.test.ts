import { expect, test } from "bun:test";
import { isPrivateAddress, whySecretWontDo } from "./reach.ts";

test.each([
  "127.0.0.1",
  "127.255.255.255",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "169.254.1.1",
  "::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "::ffff:10.0.0.1",
])("%s needs no secret", (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test.each([
  "0.0.0.0",
  "::",
  "8.8.8.8",
  "1.127.0.1",
  "110.0.0.1",
  "172.15.0.1",
  "172.32.0.1",
  "192.169.0.1",
  "11.10.0.1",
  "2001:db8::1",
  "fec0::1",
  "ff02::1",
  "::ffff:8.8.8.8",
  "::ffff:0.0.0.0",
  "localhost",
  "10.0.0.1.example.org",
  "10.0.0",
  "",
])("%s needs one", (address) => {
  expect(isPrivateAddress(address)).toBe(false);
});

const SHORT = "a".repeat(15);
const LONG = "a".repeat(16);

test.each([
  [null, "127.0.0.1", null],
  [null, "10.0.0.1", null],
  [null, "0.0.0.0", "LINK_SECRET must be set: it is not on a private network"],
  [["a"], "127.0.0.1", null],
  [["a", "b"], "::1", null],
  [["a"], "10.0.0.1", "LINK_SECRET must have 16 characters or more: it is beyond loopback"],
  [[SHORT], "::", "LINK_SECRET must have 16 characters or more: it is beyond loopback"],
  [[LONG], "0.0.0.0", null],
  [[LONG, `${LONG}b`], "0.0.0.0", null],
  [
    [LONG, SHORT],
    "::",
    "each part of LINK_SECRET must have 16 characters or more: it is beyond loopback",
  ],
] as const)("the secrets %p at %s: %p", (secrets, address, reason) => {
  expect(whySecretWontDo(secrets, address, "it")).toBe(reason);
});
