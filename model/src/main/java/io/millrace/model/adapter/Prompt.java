package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Prompt tuning as a function of programs: trained embeddings before those of every text. */
public final class Prompt implements Adapter {
    /** What PEFT's file calls them. */
    public static final String TENSOR = "prompt_embeddings";

    private final ModelProgram base;
    private final int tokens;
    private final ModelProgram program;

    /**
     * Of a model.
     *
     * @param base what the model computes
     * @param tokens how many
     * @throws BadInputException where embeddings are no rows of the model's width
     */
    public Prompt(ModelProgram base, int tokens) {
        this.base = base;
        this.tokens = tokens;
        program = base.withVirtual(tokens, this::beside);
    }

    private BlockProgram beside(BlockProgram block) {
        List<Op> ops = new ArrayList<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Lookup lookup && lookup.index() == Op.Index.ID) {
                Value out = lookup.out();
                if (out.width() != base.hiddenSize()) {
                    throw new BadInputException(
                            "--tune",
                            "the embeddings of this model have "
                                    + out.width()
                                    + " numbers, and those of PEFT's prompts "
                                    + base.hiddenSize(),
                            "train a prefix, a LoRA or IA³");
                }
                Value text =
                        new Value(
                                out.name() + " of the text", out.width(), out.rows(), out.memory());
                ops.add(
                        new Op.Lookup(
                                lookup.index(),
                                lookup.table(),
                                lookup.offset(),
                                lookup.scale(),
                                text));
                List<Long> shape = List.of((long) tokens, (long) out.width());
                ops.add(
                        new Op.Virtual(
                                new TensorSpec(TENSOR, shape, TensorSpec.Initial.EMBEDDINGS),
                                new HeadColumns(1, 0, out.width()),
                                lookup.scale(),
                                text,
                                out));
            } else {
                ops.add(op);
            }
        }
        return new BlockProgram(block.name(), block.in(), ops);
    }

    @Override
    public ModelProgram program() {
        return program;
    }

    @Override
    public byte[] config(String name) {
        Map<String, Object> fields = AdapterFields.of("PROMPT_TUNING", name, AdapterFields.DECODER);
        AdapterFields.addVirtual(fields, base, tokens);
        fields.put("token_dim", base.hiddenSize());
        fields.put("num_attention_heads", Prefix.heads(base).queries().count());
        fields.put("prompt_tuning_init", "RANDOM");
        fields.put("prompt_tuning_init_text", null);
        fields.put("tokenizer_name_or_path", null);
        fields.put("tokenizer_kwargs", null);
        return (Json.writePretty(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
