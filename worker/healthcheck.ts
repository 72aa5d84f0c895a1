/** Runs `worker healthcheck`. It is the process's first import, for the reason given in the API's. */
import { applyConfig } from "../shared/config.ts";
import { healthcheckIfAsked } from "../shared/healthcheck.ts";
import { HTTP_ADDRESS } from "./address.ts";

applyConfig();
const { HTTP_HOST, HTTP_PORT } = process.env;
await healthcheckIfAsked(HTTP_HOST || HTTP_ADDRESS.host, HTTP_PORT || HTTP_ADDRESS.port, "/readyz");
