/**
 * Gives every test a limit that ends one that hangs, loaded before each file by bunfig.toml. Bun's own
 * 5 s would judge how busy the machine is. A run of several files needs --parallel or --isolate, or
 * it is loaded before the first one only.
 */
import { setDefaultTimeout } from "bun:test";

export const TEST_MS_MAX = 300_000;

setDefaultTimeout(TEST_MS_MAX);
