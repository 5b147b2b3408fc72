package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Prefix tuning as a function of programs: trained keys and values in every layer, before those of
 * every text. Keys are such as attention reads: turned, where the model turns keys. A text's own
 * tokens have the positions behind those of the prefix, as PEFT has them.
 */
public final class Prefix implements Adapter {
    private final ModelProgram base;
    private final int tokens;
    private final int width;
    private final Map<String, Long> columns = new HashMap<>(); // in PEFT's file, by tensor
    private final ModelProgram program;

    /**
     * Of a model.
     *
     * @param base what the model computes
     * @param tokens how many
     * @throws BadInputException where layers have keys of different widths
     */
    public Prefix(ModelProgram base, int tokens) {
        this.base = base;
        this.tokens = tokens;
        HeadsSpec heads = heads(base);
        width = heads.keys().count() * heads.dim();
        program = base.withVirtual(tokens, this::beside);
    }

    /**
     * The heads that all layers have.
     *
     * @throws BadInputException where they are not the same, or not stored as such
     */
    static HeadsSpec heads(ModelProgram base) {
        if (base.ops().anyMatch(LatentOp.class::isInstance)) {
            throw new BadInputException(
                    "--tune",
                    "keys of this model are expanded of a latent vector, and PEFT's file has keys",
                    "train a LoRA or IA³");
        }
        List<HeadsSpec> all =
                base.ops()
                        .filter(Op.Attend.class::isInstance)
                        .map(op -> ((Op.Attend) op).attention().heads())
                        .toList();
        boolean alike =
                all.stream()
                                .map(heads -> List.of(heads.keys().count(), heads.dim()))
                                .distinct()
                                .count()
                        == 1;
        if (!alike || all.size() != base.layers().size()) {
            throw new BadInputException(
                    "--tune",
                    "layers of this model differ in their keys, and PEFT's file has one width",
                    "train a LoRA or IA³");
        }
        return all.getFirst();
    }

    private BlockProgram beside(BlockProgram block) {
        List<Op> ops = new ArrayList<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Attend attend) {
                addBefore(attend, base.layers().indexOf(block), ops);
            } else {
                ops.add(op);
            }
        }
        return new BlockProgram(block.name(), block.in(), ops);
    }

    private void addBefore(Op.Attend attend, int layer, List<Op> ops) {
        HeadsSpec heads = attend.attention().heads();
        Value keys = renamed(attend.in(), " with keys of the prefix");
        Value both = renamed(attend.in(), " with the prefix");
        ops.add(put(layer, "key", 0, heads.keys(), attend.in(), keys));
        ops.add(put(layer, "value", 1, heads.values(), keys, both));
        ops.add(new Op.Attend(attend.attention(), both, attend.out()));
    }

    private Op put(int layer, String what, int second, HeadColumns heads, Value in, Value out) {
        String name = "prefix." + layer + "." + what;
        columns.put(name, (2L * layer + second) * width);
        List<Long> shape = List.of((long) tokens, (long) width);
        TensorSpec tensor = new TensorSpec(name, shape, TensorSpec.Initial.ACTIVATIONS);
        return new Op.Virtual(tensor, heads, 1, in, out);
    }

    private static Value renamed(Value value, String end) {
        return new Value(value.name() + end, value.width(), value.rows(), value.memory());
    }

    @Override
    public ModelProgram program() {
        return program;
    }

    /** All layers lie beside each other, key and value in turn. */
    @Override
    public FilePlace place(TensorSlot slot) {
        List<Long> shape = List.of((long) tokens, 2L * base.layers().size() * width);
        return new FilePlace(Prompt.TENSOR, shape, columns.get(slot.name()));
    }

    @Override
    public byte[] config(String name) {
        Map<String, Object> fields = AdapterFields.of("PREFIX_TUNING", name, AdapterFields.DECODER);
        AdapterFields.addVirtual(fields, base, tokens);
        fields.put("token_dim", width);
        fields.put("num_attention_heads", heads(base).keys().count());
        fields.put("encoder_hidden_size", width);
        fields.put("prefix_projection", false);
        return (Json.writePretty(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
