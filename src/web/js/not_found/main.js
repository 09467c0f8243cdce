// @ts-check
// The page for an unknown address, which may be a damaged link.
import { handleDamagedLink } from "../common/damaged_link.js";
import { $ } from "../common/dom.js";
import { start } from "../common/page.js";

start();
handleDamagedLink($("#app"));
