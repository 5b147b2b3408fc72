/** Makes a model of fewer bits, and says what that costs. */
package io.millrace.executor.quantize;
