// @ts-check
// The page for an address where there is nothing; it may be a link that was damaged.
import { handleDamagedLink } from "../common/damaged_link.js";
import { $ } from "../common/dom.js";
import { start } from "../common/page.js";

start();
handleDamagedLink($("#app"));
