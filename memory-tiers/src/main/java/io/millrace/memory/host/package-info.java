/** The host tier: page-aligned memory outside the Java heap, its owner, and views over it. */
package io.millrace.memory.host;
