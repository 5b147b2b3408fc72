/** Looks for better weights near a model's by chance: the baseline that steps have to beat. */
package io.millrace.executor.search;
