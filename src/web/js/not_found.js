// The page for an address where there is nothing.
import { start } from "./page.js";

start();
