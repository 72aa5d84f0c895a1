import { expect, test } from "bun:test";
import { causeOf, isOwnFault } from "./own-fault.ts";

test.each(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"])("%s is our own fault", (code) => {
  expect(isOwnFault(causeOf(code, false))).toBe(true);
});

test.each(["ECONNREFUSED", "ETIMEDOUT", "ENOTFOUND", "EHOSTUNREACH", "CERT_HAS_EXPIRED"])(
  "%s is not, while there are descriptors",
  (code) => {
    expect(causeOf(code, true)).toBe(code);
    expect(isOwnFault(code)).toBe(false);
  },
);

test("an address that has worked and cannot be had is a want of ports, another is out of reach", () => {
  expect(isOwnFault(causeOf("EADDRNOTAVAIL", true))).toBe(true);
  expect(isOwnFault(causeOf("EADDRNOTAVAIL", false))).toBe(false);
});
