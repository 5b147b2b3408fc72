/**
 * The pickles that {@code torch.save} writes of a state dict, read as data.
 *
 * <p>A pickle is a program for a small machine that may call anything by name. The one here has the
 * opcodes that such files use and knows a dozen names, none of which is code: whatever else a file
 * asks for is refused by its name, before anything is made of it. There is no library in the place
 * of this: those for the JVM (pyrolite's pickle, jpickle) are made to build objects of any class
 * that is registered or told, without limits on what a file may take of the heap, and would have to
 * be shut opcode by opcode; the part that is left is smaller than that.
 */
package io.millrace.model.file.pickle;
