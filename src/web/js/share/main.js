// @ts-check
// The page for shared data that has arrived at the server, because no worker was there to keep it.
import { start } from "../common/page.js";

start();
