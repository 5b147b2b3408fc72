/** What a program is told, leaves behind, and takes of memory. */
package io.millrace.bench.program;
