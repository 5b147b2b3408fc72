/** What hears of a run while it goes on, and what it is told. */
package io.millrace.executor.listen;
