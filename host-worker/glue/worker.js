// Where the platform enters: the events of a Worker.

import { fetch } from "./host.js";

export default { fetch };
