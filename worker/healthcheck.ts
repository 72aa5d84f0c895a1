/** `worker healthcheck`. The first import of the process, for the reason that stands in the API's. */
import { healthcheckIfAsked } from "../shared/healthcheck.ts";
import { HTTP_ADDRESS } from "./address.ts";

const { HTTP_HOST, HTTP_PORT } = process.env;
await healthcheckIfAsked(HTTP_HOST || HTTP_ADDRESS.host, HTTP_PORT || HTTP_ADDRESS.port, "/readyz");
