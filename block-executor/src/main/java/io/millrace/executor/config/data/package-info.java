/** Options of data: how rows are taken, and which task and rows of a paper. */
package io.millrace.executor.config.data;
