// `selvedge:durable/sql`.
import { WitError } from "./http.js";
const none = () => {
  throw new WitError({ tag: "failed", val: "SQL is not there yet" });
};
export const sql = () => ({ exec: none, batch: none });
