/**
 * What operators are told of their weights and shapes: a matrix, a table, a norm, heads and their
 * mask, rotary positions.
 */
package io.millrace.model.spec;
