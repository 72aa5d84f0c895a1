/** Where an API listens unless it is told otherwise. */
export const API_ADDRESS = { host: "0.0.0.0", port: "9999" };
