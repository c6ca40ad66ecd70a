/* The page: a form that makes jobs, and the list of them. */
import * as compose from "./compose.js";
import { byId, say } from "./dom.js";
import { zoneName } from "./format.js";
import * as jobs from "./jobs.js";

say(byId("zone-name"), zoneName);
jobs.start();
compose.start(jobs.created);
