/*
 * java ParquetRead FILE...: all values of Parquet files, as parquet-java's reader has them, in the
 * lines of t/oracle.py's Table, after a line "== FILE": names and kinds, then a line a row; or
 * "refused: ...".
 */
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

public final class ParquetRead {
	private static final class Groups extends ParquetReader.Builder<Group> {
		Groups(InputFile file) {
			super(file);
		}

		@Override
		protected ReadSupport<Group> getReadSupport() {
			return new GroupReadSupport();
		}
	}

	private static String hex(byte[] bytes) {
		StringBuilder text = new StringBuilder();

		for (byte b : bytes)
			text.append(String.format("%02x", b));
		return text.toString();
	}

	private static boolean is(Type type, PrimitiveTypeName name, Type.Repetition repetition,
	    LogicalTypeAnnotation logical) {
		return type.isPrimitive() &&
		    type.asPrimitiveType().getPrimitiveTypeName() == name &&
		    type.isRepetition(repetition) && (logical == null ?
		    type.getLogicalTypeAnnotation() == null :
		    logical.equals(type.getLogicalTypeAnnotation()));
	}

	private static boolean isText(Type type) {
		return is(type, PrimitiveTypeName.BINARY, Type.Repetition.OPTIONAL,
		    LogicalTypeAnnotation.stringType());
	}

	private static String header(List<Type> fields) throws IOException {
		StringBuilder line = new StringBuilder("time");

		if (!fields.get(0).getName().equals("time") || !is(fields.get(0),
		    PrimitiveTypeName.INT64, Type.Repetition.REQUIRED,
		    LogicalTypeAnnotation.timestampType(true, TimeUnit.MILLIS)))
			throw new IOException("the first column is " + fields.get(0));
		for (Type type : fields.subList(1, fields.size())) {
			if (!isText(type) && !is(type, PrimitiveTypeName.DOUBLE,
			    Type.Repetition.OPTIONAL, null))
				throw new IOException("a column is " + type);
			line.append(isText(type) ? " text:" : " double:");
			line.append(hex(type.getName().getBytes(StandardCharsets.UTF_8)));
		}
		return line.toString();
	}

	private static String row(Group group, List<Type> fields) {
		StringBuilder line = new StringBuilder();

		line.append(group.getLong(0, 0));
		for (int i = 1; i < fields.size(); i++) {
			if (group.getFieldRepetitionCount(i) == 0)
				line.append(" -");
			else if (isText(fields.get(i)))
				line.append(" =").append(hex(group.getBinary(i, 0).getBytes()));
			else
				line.append(String.format(" %016x",
				    Double.doubleToRawLongBits(group.getDouble(i, 0))));
		}
		return line.toString();
	}

	private static void read(String path, PrintStream out) throws IOException {
		InputFile file = new LocalInputFile(Path.of(path));
		List<Type> fields;

		try (ParquetFileReader reader = ParquetFileReader.open(file)) {
			fields = reader.getFileMetaData().getSchema().getFields();
		}
		out.println(header(fields));
		try (ParquetReader<Group> reader = new Groups(file).build()) {
			for (Group group; (group = reader.read()) != null;)
				out.println(row(group, fields));
		}
	}

	public static void main(String[] args) {
		PrintStream out = new PrintStream(new BufferedOutputStream(System.out));

		for (String path : args) {
			out.println("== " + path);
			try {
				read(path, out);
			} catch (IOException | RuntimeException e) {
				out.println("refused: " + e);
			}
		}
		out.flush();
	}
}
