/** Operators on a device, the blocks built from them, the dual forward, and the tuning loop. */
package io.millrace.executor;
