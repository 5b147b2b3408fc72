/** How held-out losses fell: curves, the file that keeps them as they come, and what they say. */
package io.millrace.bench.learning;
