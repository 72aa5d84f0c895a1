/**
 * Runs `api healthcheck`. It is the first import of the process, so that a check ends before everything
 * else is loaded: it runs inside of a container's limits, at the cost of the payments of that moment.
 */
import { applyConfig } from "../shared/config.ts";
import { healthcheckIfAsked } from "../shared/healthcheck.ts";
import { API_ADDRESS } from "./address.ts";

applyConfig();
const { HOST, PORT } = process.env;
await healthcheckIfAsked(HOST || API_ADDRESS.host, PORT || API_ADDRESS.port, "/readyz");
