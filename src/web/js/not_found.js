// The page for an address where there is nothing; it may be a link that was damaged.
import { handleDamagedLink } from "./damaged_link.js";
import { $ } from "./dom.js";
import { start } from "./page.js";

start();
handleDamagedLink($("#app"));
