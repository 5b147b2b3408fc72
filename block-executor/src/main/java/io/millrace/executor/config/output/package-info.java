/** What a run leaves behind, and who hears of it. */
package io.millrace.executor.config.output;
