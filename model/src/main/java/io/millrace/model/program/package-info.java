/**
 * A model as data: programs of a few kinds of operators over values.
 *
 * <pre>
 * ModelProgram   embedding, layers, head: a {@code BlockProgram} each
 * BlockProgram   the stream that comes in, and operators in order
 * Op             sealed: what it reads, what it makes, which weights it has
 * Value          a row of numbers a token, made once
 * </pre>
 *
 * <p>Whatever has to know a model is an interpreter of its program, a {@code switch} over every
 * kind of operator: an operator that one of them does not know does not compile.
 */
package io.millrace.model.program;
