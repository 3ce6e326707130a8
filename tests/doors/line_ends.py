# carriage returns and no line end at the end
if a:
	x = """two
lines"""
	# noqa
	y = f"""{a}
{b}"""; z \
  = 1
elif b: c