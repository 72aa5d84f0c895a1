/** Address at which the worker's HTTP listens unless it is told otherwise. */
export const HTTP_ADDRESS = { host: "127.0.0.1", port: "9995" };
